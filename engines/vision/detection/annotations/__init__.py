"""Boxes that people drew elsewhere: COCO JSON, Pascal VOC XML and YOLO txt, read into one form (`detection.annotated`)
and written again. Every box is judged by one judge, whatever format it came in."""
