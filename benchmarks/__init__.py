"""Side-by-side measurements, each a script that anybody can run and that says how it measured.
Nothing of the product imports them; `performance_page` puts their numbers into docs/performance.md."""
