"""A page on which a browser runs the model itself: what all such pages hold, and ONNX Runtime Web, packed."""
