;; The world `handler` as a whole, with holes in braces.
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
  (alias export $types "header" (type $header))
  (alias export $types "message" (type $message))
  (alias export $types "failure" (type $failure))
  (import "oncegate:plugin/dedup@0.1.0" (instance $dedup
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
  (import "oncegate:plugin/output@0.1.0" (instance $output
    (alias outer 1 $header (type $header-of))
    (export "header" (type $header (eq $header-of)))
    (type $refusal-of (variant
      (case "topic-not-allowed") (case "invalid" string) (case "too-many" u32) (case "too-large" u32)))
    (export "refusal" (type $refusal (eq $refusal-of)))
    (export "emit" (func
      (param "topic" string) (param "key" (option string)) (param "headers" (list $header))
      (param "payload" (list u8)) (result (result (error $refusal)))))))
  (import "oncegate:plugin/log@0.1.0" (instance $log
    (type $level-of (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $level-of)))
    (export "log" (func (param "level" $level) (param "message" string)))))
  (import "oncegate:plugin/config@0.1.0" (instance $config
    (export "get" (func (param "name" string) (result (option string))))))

  (core module $room
    {room}
  )
  (core instance $room (instantiate $room))
  (alias core export $room "memory" (core memory $memory))
  (alias core export $room "arguments" (core func $arguments))
  (alias core export $room "results" (core func $results))
  (core func $seen (canon lower (func $dedup "seen")
    (memory $memory) (realloc $results) string-encoding={encoding}))
  (core func $commit (canon lower (func $dedup "commit")
    (memory $memory) (realloc $results) string-encoding={encoding}))
  (core func $commit-with (canon lower (func $dedup "commit-with")
    (memory $memory) (realloc $results) string-encoding={encoding}))
  (core func $emit (canon lower (func $output "emit")
    (memory $memory) (realloc $results) string-encoding={encoding}))
  (core func $log (canon lower (func $log "log") (memory $memory) string-encoding={encoding}))
  (core func $get (canon lower (func $config "get")
    (memory $memory) (realloc $results) string-encoding={encoding}))
  {wasi-imports}

  (core module $guest
    (import "room" "memory" (memory 1))
    {wasi-guest}
    (import "host" "seen" (func $seen (param i32 i32 i32)))
    (import "host" "commit" (func $commit (param i32 i32 i32)))
    (import "host" "commit-with" (func $commit-with (param i32 i32 i32 i32 i32)))
    (import "host" "emit" (func $emit (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "log" (func $log (param i32 i32 i32)))
    (import "host" "get" (func $get (param i32 i32 i32)))
    ;; At 0 lies a result that is `ok`. What the host answers comes to 256; the case has 1024 to 32767.
    (data (i32.const 8) "key")
    (data (i32.const 16) "out")

    ;; Claims `key`, which has to be new.
    (func $claim
      (call $seen (i32.const 8) (i32.const 3) (i32.const 256))
      (if (i32.load8_u (i32.const 256)) (then unreachable))
      (if (i32.load8_u (i32.const 264)) (then unreachable)))
    ;; Commits it.
    (func $settle
      (call $commit (i32.const 8) (i32.const 3) (i32.const 256))
      (if (i32.load8_u (i32.const 256)) (then unreachable)))
    ;; Emits `key` to `out`.
    (func $effect
      (call $emit-bytes (i32.const 8) (i32.const 3))
      (if (i32.load8_u (i32.const 256)) (then unreachable)))
    ;; Emits so many bytes to `out`.
    (func $emit-bytes (param $at i32) (param $length i32)
      (call $emit (i32.const 16) (i32.const 3)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (local.get $at) (local.get $length) (i32.const 256)))
    ;; Everything that an honest handler would do.
    (func $stage (call $claim) (call $effect) (call $settle))
    ;; Traps unless `seen` answered with this refusal.
    (func $seen-refused (param $refusal i32)
      (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then unreachable))
      (if (i32.ne (i32.load8_u (i32.const 264)) (local.get $refusal)) (then unreachable)))
    ;; Traps unless `commit`, `commit-with` or `emit` did.
    (func $refused (param $refusal i32)
      (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then unreachable))
      (if (i32.ne (i32.load8_u (i32.const 260)) (local.get $refusal)) (then unreachable)))
    ;; Ends with a failure: 0 is `retry`, 1 is `reject`.
    (func $fail (param $how i32) (param $at i32) (param $length i32) (result i32)
      (i32.store (i32.const 512) (i32.const 1))
      (i32.store (i32.const 516) (local.get $how))
      (i32.store (i32.const 520) (local.get $at))
      (i32.store (i32.const 524) (local.get $length))
      (i32.const 512))

    {guest}

    {initialize}

    {post-return}

    (func (export "handle")
        (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
      (call $run))
  )
  (core instance $guest (instantiate $guest
    (with "room" (instance $room))
    {wasi-argument}
    (with "host" (instance
      (export "seen" (func $seen)) (export "commit" (func $commit)) (export "commit-with" (func $commit-with))
      (export "emit" (func $emit)) (export "log" (func $log)) (export "get" (func $get))))))
  ;; As the encoders of components have a reactor's `_initialize` called.
  (core module $start
    (import "guest" "_initialize" (func $initialize))
    (start $initialize)
  )
  (core instance (instantiate $start (with "guest" (instance $guest))))

  {outside}

  (func (export "handle") (param "message" $message) (result (result (error $failure)))
    (canon lift (core func $guest "handle") (memory $memory) (realloc $arguments)
      (post-return (core func $guest "post-return")) string-encoding={encoding}))
)
