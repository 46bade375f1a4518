"""From any table of dated numbers to series on a regular grid: columns, dates, frequency, gaps, covariates."""
