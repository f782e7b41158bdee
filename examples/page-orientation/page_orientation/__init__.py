"""Labelled pages for the page-orientation example: recipes, typesetting, wear and archives."""
