(component
  (import "oncegate:plugin/types@0.1.7" (instance))
  (import "oncegate:plugin/dedup@0.1.7" (instance (export "commit" (func (param "key" string)))))
  (core module $guest (func (export "handle")))
  (core instance $guest (instantiate $guest))
  (func (export "handle") (canon lift (core func $guest "handle")))
)
