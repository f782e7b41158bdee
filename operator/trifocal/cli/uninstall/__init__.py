"""`trifocal uninstall`: delete what `helm uninstall` keeps."""
