-- Trifocal stops acting on the object; what serves goes on serving.
obj.spec.suspend = true
return obj
