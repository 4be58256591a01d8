(component
  (import "oncegate:plugin/types@0.1.0" (instance $types
    (type $header-of (record (field "name" string) (field "value" (list u8))))
    (export "header" (type $header (eq $header-of)))
    (type $message-of (record
      (field "id" string) (field "topic" string) (field "key" (option string))
      (field "headers" (list $header)) (field "payload" (list u8))
      (field "attempt" u32) (field "published-ms" (option u64))))
    (export "message" (type $message (eq $message-of)))
    (type $failure-of (variant (case "retry" string) (case "reject" string)))
    (export "failure" (type $failure (eq $failure-of)))))
  (alias export $types "message" (type $message))
  (alias export $types "failure" (type $failure))

  (core module $guest
    (memory (export "memory") 64)
    (data (i32.const 16) "\01")
    (data (i32.const 32) "\01\00\00\00\01")
    ;; From the second page on. It begins anew with each call, which has its arguments for itself.
    (global $next (mut i32) (i32.const 65536))
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32)
        (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (local.get $at))
    (func (export "handle")
        (param $id i32) (param $id-len i32) (param $topic i32) (param $topic-len i32)
        (param $has-key i32) (param $key i32) (param $key-len i32) (param $headers i32) (param $headers-len i32)
        (param $payload i32) (param $payload-len i32) (param $attempt i32)
        (param $has-published i32) (param $published i64)
        (result i32)
      (global.set $next (i32.const 65536))
      ;; BODY
    )
  )
  (core instance $guest (instantiate $guest))
  (alias core export $guest "memory" (core memory $memory))
  (alias core export $guest "realloc" (core func $realloc))

  (func (export "handle") (param "message" $message) (result (result (error $failure)))
    (canon lift (core func $guest "handle") (memory $memory) (realloc $realloc)))
)
