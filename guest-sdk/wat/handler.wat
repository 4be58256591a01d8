;; A handler without any toolchain: the payload is the key, and the effect is an output of the payload.
;;
;; `oncegate build handler.wat` makes its binary form, and README.md says what each layout is.
(component
  ;; --- What the contract says, of wit/plugin/0.1.0. A component names only the interfaces and functions that it uses; but
  ;; of a variant or record it names every case and field, in order. A type is defined and then exported from its instance,
  ;; because the contract gives it a name.
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
    (export "commit" (func (param "key" string) (result (result (error $refusal)))))))

  (import "oncegate:plugin/output@0.1.0" (instance $output
    ;; `use types.{header}`: the same type under the same name.
    (alias outer 1 $header (type $header-of))
    (export "header" (type $header (eq $header-of)))
    (type $refusal-of (variant
      (case "topic-not-allowed") (case "invalid" string) (case "too-many" u32) (case "too-large" u32)))
    (export "refusal" (type $refusal (eq $refusal-of)))
    (export "emit" (func
      (param "topic" string) (param "key" (option string)) (param "headers" (list $header))
      (param "payload" (list u8)) (result (result (error $refusal)))))))

  ;; --- Memory comes first: the host's functions are made of it, and the handler is made of them.
  (core module $room
    ;; 0 to 1023 is what the handler itself uses; behind it lies what the host puts there.
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))

    ;; The host asks for a place: for the message, and for texts in its functions' answers. The next one is taken, and all
    ;; are given back together when the call has ended. An old place is never grown, because the host does not ask for that
    ;; where strings are UTF-8.
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local $missing i32)
      ;; Up to the next multiple of the alignment, which is a power of two.
      (local.set $at (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      ;; A size that goes around the end of the numbers is more than there is.
      (if (i32.lt_u (global.get $next) (local.get $at)) (then unreachable))
      ;; A page has 64 KiB. Where there is no more, the trap is a retry.
      (local.set $missing (i32.sub
        (i32.shr_u (i32.add (global.get $next) (i32.const 65535)) (i32.const 16))
        (memory.size)))
      (if (i32.gt_s (local.get $missing) (i32.const 0))
        (then (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then unreachable))))
      (local.get $at))

    ;; After the call, when the host has read the answer.
    (func (export "post-return") (param $answer i32)
      (global.set $next (i32.const 1024)))
  )
  (core instance $room (instantiate $room))
  (alias core export $room "memory" (core memory $memory))
  (alias core export $room "realloc" (core func $realloc))

  ;; The host's functions, lowered: numbers in, and the answer where the last argument points.
  (core func $seen (canon lower (func $dedup "seen") (memory $memory) (realloc $realloc)))
  (core func $commit (canon lower (func $dedup "commit") (memory $memory) (realloc $realloc)))
  (core func $emit (canon lower (func $output "emit") (memory $memory) (realloc $realloc)))

  (core module $handler
    (import "room" "memory" (memory 1))
    (import "host" "seen" (func $seen (param i32 i32 i32)))
    (import "host" "commit" (func $commit (param i32 i32 i32)))
    (import "host" "emit" (func $emit (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))

    ;; At 0: what `handle` answers, 16 bytes. At 32: what the host answers, 32 bytes at most, for a u64 in them at a multiple
    ;; of 8. Then the texts.
    (global $answer i32 (i32.const 0))
    (global $told i32 (i32.const 32))
    (data (i32.const 128) "effects")
    (data (i32.const 144) "key in flight elsewhere")
    (data (i32.const 176) "the key was refused")
    (data (i32.const 208) "output refused")

    ;; ok: the first byte is 0, and nothing else is looked at.
    (func $ok (result i32)
      (i32.store8 (global.get $answer) (i32.const 0))
      (global.get $answer))

    ;; err: 1; the failure's case: 0 is retry, 1 is reject; its text and the text's length.
    (func $err (param $case i32) (param $text i32) (param $length i32) (result i32)
      (i32.store8 (global.get $answer) (i32.const 1))
      (i32.store8 offset=4 (global.get $answer) (local.get $case))
      (i32.store offset=8 (global.get $answer) (local.get $text))
      (i32.store offset=12 (global.get $answer) (local.get $length))
      (global.get $answer))
    (func $retry (param $text i32) (param $length i32) (result i32)
      (call $err (i32.const 0) (local.get $text) (local.get $length)))
    (func $reject (param $text i32) (param $length i32) (result i32)
      (call $err (i32.const 1) (local.get $text) (local.get $length)))

    ;; What becomes of a refusal that lies there, its case first and at 4 its text, if it has one.
    (func $refused (param $refusal i32) (result i32)
      (local $case i32)
      (local.set $case (i32.load8_u (local.get $refusal)))
      ;; invalid-key: the message is at fault, and the text says why.
      (if (i32.eqz (local.get $case))
        (then (return (call $reject
          (i32.load offset=4 (local.get $refusal)) (i32.load offset=8 (local.get $refusal))))))
      ;; unavailable: it may work later. The host uses up no attempt for it, whatever is answered.
      (if (i32.eq (local.get $case) (i32.const 6))
        (then (return (call $retry
          (i32.load offset=4 (local.get $refusal)) (i32.load offset=8 (local.get $refusal))))))
      ;; Of mismatch and dead the host has decided already; the others cannot come of one key without a receipt.
      (call $reject (i32.const 176) (i32.const 19)))

    ;; The message, flat: fourteen numbers.
    (func (export "handle")
        (param $id i32) (param $id-length i32) (param $topic i32) (param $topic-length i32)
        (param $has-key i32) (param $key i32) (param $key-length i32)
        (param $headers i32) (param $header-count i32)
        (param $payload i32) (param $payload-length i32) (param $attempt i32)
        (param $has-published i32) (param $published i64)
        (result i32)
      (local $sighting i32)
      ;; The contract's strings are UTF-8: with a payload that is none, this call traps.
      (call $seen (local.get $payload) (local.get $payload-length) (global.get $told))
      ;; result<sighting, refusal>: the case at 0, what comes with it at 8.
      (if (i32.load8_u (global.get $told))
        (then (return (call $refused (i32.add (global.get $told) (i32.const 8))))))
      (local.set $sighting (i32.load8_u offset=8 (global.get $told)))
      ;; duplicate: the effect has happened, and there is nothing to do.
      (if (i32.eq (local.get $sighting) (i32.const 1)) (then (return (call $ok))))
      ;; in-flight: return. The host makes the delivery again and uses up no attempt.
      (if (i32.eq (local.get $sighting) (i32.const 2))
        (then (return (call $retry (i32.const 144) (i32.const 23)))))
      ;; new: topic, the payload as the key, no headers, the payload.
      (call $emit
        (i32.const 128) (i32.const 7)
        (i32.const 1) (local.get $payload) (local.get $payload-length)
        (i32.const 0) (i32.const 0)
        (local.get $payload) (local.get $payload-length)
        (global.get $told))
      (if (i32.load8_u (global.get $told)) (then (return (call $reject (i32.const 208) (i32.const 14)))))
      ;; result<_, refusal>: the case at 0, what comes with it at 4.
      (call $commit (local.get $payload) (local.get $payload-length) (global.get $told))
      (if (i32.load8_u (global.get $told))
        (then (return (call $refused (i32.add (global.get $told) (i32.const 4))))))
      (call $ok))
  )
  (core instance $handler (instantiate $handler
    (with "room" (instance $room))
    (with "host" (instance
      (export "seen" (func $seen)) (export "commit" (func $commit)) (export "emit" (func $emit))))))

  ;; --- What the contract asks for.
  (func (export "handle") (param "message" $message) (result (result (error $failure)))
    (canon lift (core func $handler "handle") (memory $memory) (realloc $realloc)
      (post-return (core func $room "post-return"))))
)
