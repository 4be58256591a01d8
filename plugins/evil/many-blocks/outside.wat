(core module (func {begin} {end}))
