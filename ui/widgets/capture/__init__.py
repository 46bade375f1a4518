"""Camera and microphone on a page: what is shown is answered as it comes, and what a person keeps becomes data."""
