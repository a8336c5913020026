---@meta

-- So that `require "lull.sim"` is found where only this folder is known.

---@type lull.sim
local sim

return sim
