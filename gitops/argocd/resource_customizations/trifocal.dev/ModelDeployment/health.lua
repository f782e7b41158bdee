-- Health of a ModelDeployment for Argo CD.
--
-- It reads only the generation, Stalled, Ready, spec.suspend and whether the object is being
-- deleted: conditions that a later release adds change nothing here. Ready is True only while the
-- model that this generation asks for answers; Stalled is there only while somebody has to act.

local function condition(kind)
  local conditions = obj.status.conditions
  if conditions ~= nil then
    for _, each in ipairs(conditions) do
      if each.type == kind then
        return each
      end
    end
  end
  return nil
end

local function health(status, message)
  return { status = status, message = message or "" }
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "Pending deletion")
end

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "Trifocal has not looked at this generation yet.")
end

local stalled = condition("Stalled")
if stalled ~= nil and stalled.status ~= "True" then
  stalled = nil
end
local ready = condition("Ready")

if obj.spec.suspend then
  local said = stalled or ready
  return health("Suspended", said and said.message)
end

if stalled ~= nil then
  return health("Degraded", stalled.message)
end

if ready ~= nil and ready.status == "True" then
  return health("Healthy", ready.message)
end

return health("Progressing", ready and ready.message)
