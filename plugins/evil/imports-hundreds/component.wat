(component
  {imports}
  (core module $guest (func (export "handle")))
  (core instance $guest (instantiate $guest))
  (func (export "handle") (canon lift (core func $guest "handle")))
)
