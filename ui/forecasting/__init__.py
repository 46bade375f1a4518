"""What only the forecasting page draws."""
