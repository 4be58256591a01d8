(core module $many {globals})
(core instance (instantiate $many))
