(component
  (import "wasi:cli/environment@0.3.0" (instance
    (export "get-environment" (func (result (list (tuple string string)))))))
  (import "wasi:cli/exit@0.2.0-rc-1" (instance (export "exit" (func (param "status" (result))))))
  (import "wasi:cli/stdin@0.2.1" (instance))
  (import "wasi:keyvalue/store@0.2.0" (instance (export "open" (func (param "identifier" string)))))
  (import "wasi:io/poll" (instance))
  (core module $guest (func (export "handle")))
  (core instance $guest (instantiate $guest))
  (func (export "handle") (canon lift (core func $guest "handle")))
)
