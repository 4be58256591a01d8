;; A handler of version 0.2.0: the payload is the key; effect and receipt are when the message was published, seconds in
;; eight bytes and nanoseconds in four.
(component
  (import "oncegate:plugin/types@0.2.0" (instance $types
    (type $header-of (record (field "name" string) (field "value" (list u8))))
    (export "header" (type $header (eq $header-of)))
    (type $moment-of (record (field "seconds" u64) (field "nanoseconds" u32)))
    (export "moment" (type $moment (eq $moment-of)))
    (type $message-of (record
      (field "id" string) (field "topic" string) (field "key" (option string))
      (field "headers" (list $header)) (field "payload" (list u8))
      (field "attempt" u32) (field "published" (option $moment))))
    (export "message" (type $message (eq $message-of)))
    (type $failure-of (variant (case "retry" string) (case "reject" string)))
    (export "failure" (type $failure (eq $failure-of)))))
  (alias export $types "message" (type $message))
  (alias export $types "failure" (type $failure))
  (import "oncegate:plugin/dedup@0.2.0" (instance $dedup
    (type $sighting-of (variant (case "new") (case "duplicate" (option (list u8))) (case "in-flight" u64)))
    (export "sighting" (type $sighting (eq $sighting-of)))
    (type $refusal-of (variant
      (case "invalid-key" string) (case "not-claimed") (case "mismatch") (case "dead" string)
      (case "too-many-keys" u32) (case "receipt-too-large" u32) (case "unavailable" string)))
    (export "refusal" (type $refusal (eq $refusal-of)))
    (export "seen" (func (param "key" string) (result (result $sighting (error $refusal)))))
    (export "commit" (func (param "key" string) (result (result (error $refusal)))))
    (export "commit-with" (func (param "key" string) (param "receipt" (list u8))
      (result (result (error $refusal)))))))
  (alias export $types "header" (type $header))
  (import "oncegate:plugin/output@0.2.0" (instance $output
    (alias outer 1 $header (type $header-of))
    (export "header" (type $header (eq $header-of)))
    (type $refusal-of (variant
      (case "topic-not-allowed") (case "invalid" string) (case "too-many" u32) (case "too-large" u32)))
    (export "refusal" (type $refusal (eq $refusal-of)))
    (export "emit" (func
      (param "topic" string) (param "key" (option string)) (param "headers" (list $header))
      (param "payload" (list u8)) (result (result (error $refusal)))))))

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
  (core func $seen (canon lower (func $dedup "seen") (memory $memory) (realloc $realloc)))
  (core func $emit (canon lower (func $output "emit") (memory $memory) (realloc $realloc)))
  (core func $commit-with (canon lower (func $dedup "commit-with") (memory $memory) (realloc $realloc)))

  (core module $guest
    (import "room" "memory" (memory 1))
    (import "room" "next" (global $next (mut i32)))
    (import "host" "seen" (func $seen (param i32 i32 i32)))
    (import "host" "emit" (func $emit (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "commit-with" (func $commit-with (param i32 i32 i32 i32 i32)))
    (data (i32.const 16) "out")
    (data (i32.const 32) "refused")
    (func (export "handle")
        (param $id i32) (param $id-len i32) (param $topic i32) (param $topic-len i32)
        (param $has-key i32) (param $key i32) (param $key-len i32) (param $headers i32) (param $headers-len i32)
        (param $payload i32) (param $payload-len i32) (param $attempt i32)
        (param $has-published i32) (param $seconds i64) (param $nanoseconds i32)
        (result i32)
      (i64.store (i32.const 64) (local.get $seconds))
      (i32.store (i32.const 72) (local.get $nanoseconds))
      (call $seen (local.get $payload) (local.get $payload-len) (i32.const 256))
      (if (i32.load8_u (i32.const 256))
        (then
          ;; Refused: err, retry, text, length.
          (i32.store (i32.const 128) (i32.const 1))
          (i32.store (i32.const 132) (i32.const 0))
          (i32.store (i32.const 136) (i32.const 32))
          (i32.store (i32.const 140) (i32.const 7))
          (return (i32.const 128))))
      ;; New?
      (if (i32.eqz (i32.load8_u (i32.const 264)))
        (then
          (call $emit (i32.const 16) (i32.const 3)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 64) (i32.const 12) (i32.const 256))
          (call $commit-with (local.get $payload) (local.get $payload-len)
            (i32.const 64) (i32.const 12) (i32.const 256))))
      ;; Everything that was allocated for this message is done with.
      (global.set $next (i32.const 32768))
      ;; At 0 lies a result that is ok.
      (i32.const 0)
    )
  )
  (core instance $guest (instantiate $guest
    (with "room" (instance $room))
    (with "host" (instance (export "seen" (func $seen)) (export "emit" (func $emit)) (export "commit-with" (func $commit-with))))))

  (func (export "handle") (param "message" $message) (result (result (error $failure)))
    (canon lift (core func $guest "handle") (memory $memory) (realloc $realloc)))
)
