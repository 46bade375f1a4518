"""Scans: from what hospitals write (DICOM, NIfTI) to pictures of nobody; whose scan is whose; made-up lesions."""
