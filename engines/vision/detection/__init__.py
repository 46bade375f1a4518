"""The task vision.detection: where in a picture is what?"""
