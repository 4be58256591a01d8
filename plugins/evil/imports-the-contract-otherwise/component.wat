(component
  (import "oncegate:plugin/dedup@0.1.0" (instance (export "commit" (func (param "key" u64)))))
  (core module $guest (func (export "handle")))
  (core instance $guest (instantiate $guest))
  (func (export "handle") (canon lift (core func $guest "handle")))
)
