"""How what was learnt leaves the house: parcels of files, and scripts cut down to what one run did.
What goes into them is the domain's affair."""
