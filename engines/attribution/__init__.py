"""Why a model answered as it did. Attributions come from Captum; what is drawn is a picture anybody can look at."""
