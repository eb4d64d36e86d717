"""Pages: results as self-contained HTML, for a browser and for paper.

Pure functions from data to text. Nothing here opens a file, and no page loads anything from elsewhere.
"""
