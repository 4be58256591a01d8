//go:build wasip1

package oncegate

import "unsafe"

// roomBytes is how much the host can usually write without that anything is allocated: a message, or the answer of a call.
const roomBytes = 128 << 10

// blockBytes is the least that is allocated beyond that.
const blockBytes = 64 << 10

// room is where the host writes what it gives: the strings and lists of a message, or of an answer. It is read as soon as
// the host has returned, and cleared.
var room rooms

type rooms struct {
	first [roomBytes / 8]uint64
	// What was allocated beyond the first, kept here until it is read. A list's items may be many, the blocks are few.
	more [][]byte
	// How much of the last block is taken.
	taken uint32
}

// reallocate gives the host room. It may be called whenever the host may not, and Go may collect garbage in it.
//
//go:wasmexport cabi_realloc
func reallocate(from, length, align, wanted uint32) uint32 {
	// Also at the first message, when the program has just started.
	mayCall = 0
	if wanted == 0 {
		return align
	}
	at := room.take(wanted, align)
	if length > 0 {
		copy(room.at(at, wanted), room.at(from, min(length, wanted)))
	}
	return at
}

func (r *rooms) clear() {
	clear(r.more)
	r.more = r.more[:0]
	r.taken = 0
}

func (r *rooms) block() []byte {
	if len(r.more) > 0 {
		return r.more[len(r.more)-1]
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&r.first)), roomBytes)
}

func (r *rooms) take(wanted, align uint32) uint32 {
	start := uint64(r.taken+align-1) &^ uint64(align-1)
	if start+uint64(wanted) > uint64(len(r.block())) {
		// Of words, so that it is aligned for all.
		words := make([]uint64, (max(wanted, blockBytes)+7)/8)
		r.more = append(r.more, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), max(wanted, blockBytes)))
		start = 0
	}
	r.taken = uint32(start) + wanted
	return address(r.block()) + uint32(start)
}

func address(block []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(block)))) }

// at is what lies there, if it was given out since the room was cleared.
func (r *rooms) at(at, length uint32) []byte {
	if length == 0 {
		return []byte{}
	}
	first := unsafe.Slice((*byte)(unsafe.Pointer(&r.first)), roomBytes)
	if part, ok := part(first, at, length); ok {
		return part
	}
	for _, block := range r.more {
		if part, ok := part(block, at, length); ok {
			return part
		}
	}
	panic("the host names an address that it was not given")
}

func part(block []byte, at, length uint32) ([]byte, bool) {
	start := uint64(at) - uint64(address(block))
	if at < address(block) || start+uint64(length) > uint64(len(block)) {
		return nil, false
	}
	return block[start:][:length:length], true
}

// copyOf is what lies there, for whoever wants to keep it. A block that holds nothing else is given away.
func (r *rooms) copyOf(at, length uint32) []byte {
	bytes := r.at(at, length)
	if length >= blockBytes {
		for _, block := range r.more {
			if address(block) == at && len(block) == int(length) {
				return bytes
			}
		}
	}
	return append(make([]byte, 0, length), bytes...)
}

func (r *rooms) text(at, length uint32) string { return string(r.at(at, length)) }
