"""Home: something to press that both networks answer, a short tour, and a moving picture for each domain."""
