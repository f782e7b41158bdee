-- What can be done to a ModelDeployment from Argo CD: only what its spec can say.
local suspended = obj.spec.suspend == true

return {
  suspend = { disabled = suspended },
  resume = { disabled = not suspended },
}
