(type $narrow (enum {names}))
(type $wide (variant {cases}))
