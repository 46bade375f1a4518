"""What a run says of itself: model card, report, the words for its verdict."""
