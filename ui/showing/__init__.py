"""By showing, and the data sets that it makes: shown to the camera, the microphone or typed, answered at once, kept."""
