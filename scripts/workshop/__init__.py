"""`make workshop`: one folder with everything that laptops need to run Headstart where there is no network.

`wheels` finds out which packages a platform needs, `bundle` puts the folder together, and what stands in `folder/` goes
along: what installs it there, with nothing but Python's own library.
"""
