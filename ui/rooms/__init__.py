"""A room on the pages: coming in, the line on everybody's pages, and the view of whoever teaches."""
