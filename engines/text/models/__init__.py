"""The text networks: their catalogue, tokenisers, ELMo, pooled encoders, natural language inference."""
