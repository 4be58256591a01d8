;; Imports what no handler is granted besides the contract: another WASI, and a package that nobody answers.
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
  (import "wasi:cli/environment@0.3.0" (instance
    (export "get-environment" (func (result (list (tuple string string)))))))
  (import "wasi:keyvalue/store@0.2.0" (instance
    (export "exit" (func (param "status" (result))))))

  (core module $room
    (memory (export "memory") 1)
    (global $next (export "next") (mut i32) (i32.const 32768))
    ;; Takes from the end of what was taken, and never gives back.
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32)
        (result i32)
      (local $at i32)
      (local.set $at (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
        (then
          (if (i32.eq (i32.const -1)
                (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))))
            (then unreachable))))
      (local.get $at))
  )
  (core instance $room (instantiate $room))
  (alias core export $room "memory" (core memory $memory))
  (alias core export $room "realloc" (core func $realloc))

  (core module $guest
    (import "room" "memory" (memory 1))
    (import "room" "next" (global $next (mut i32)))
    (func (export "handle")
        (param $id i32) (param $id-len i32) (param $topic i32) (param $topic-len i32)
        (param $has-key i32) (param $key i32) (param $key-len i32) (param $headers i32) (param $headers-len i32)
        (param $payload i32) (param $payload-len i32) (param $attempt i32)
        (param $has-published i32) (param $published i64)
        (result i32)
      ;; At 0 lies a result that is ok.
      (i32.const 0)
    )
  )
  (core instance $guest (instantiate $guest
    (with "room" (instance $room))))

  (func (export "handle") (param "message" $message) (result (result (error $failure)))
    (canon lift (core func $guest "handle") (memory $memory) (realloc $realloc)))
)
