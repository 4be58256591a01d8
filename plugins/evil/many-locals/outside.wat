(core module (func {locals}))
