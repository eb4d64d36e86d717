"""Pages: results as self-contained HTML, for a browser and for paper.

Pure functions, data in and text out. Nothing here opens a file, and no page ever loads anything.
"""
