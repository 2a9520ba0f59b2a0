package coredump

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// pieceSize is how many consecutive bytes are looked for: an AES-256 key, or two round keys, which are enough to
// compute it. A single round key may be in the registers that the kernel saved when it interrupted a thread.
const pieceSize = 32

type piece [pieceSize]byte

const (
	pageSize = 4 << 10
	readSize = 256 * pageSize
)

// ones is what empty memory looks like when it is inverted.
var ones = bytes.Repeat([]byte{0xff}, readSize)

// A Search knows keys by name. It holds them with every bit inverted, so that a process can search itself without
// finding the Search.
type Search struct {
	pieces map[piece]string
	// filter has a bit for the beginning of each piece.
	filter [filterSize / 64]uint64
}

const (
	filterBits = 20
	filterSize = 1 << filterBits
)

// New returns a Search that knows no key.
func New() *Search { return &Search{pieces: map[piece]string{}} }

// Add adds secret under name. Any 32 consecutive bytes of it that start at a multiple of 4 are found, as bytes and as
// 32-bit words of either byte order.
func (s *Search) Add(name string, secret []byte) {
	for at := 0; at+pieceSize <= len(secret); at += 4 {
		var inOrder, words piece
		for i := range inOrder {
			inOrder[i], words[i] = ^secret[at+i], ^secret[at+i^3]
		}
		s.add(name, inOrder)
		s.add(name, words)
	}
}

// AddExpanded is Add for everything that Go keeps of a key in the object that expanded points to; see [Memory].
func (s *Search) AddExpanded(name string, expanded any) { s.Add(name, Memory(expanded)) }

func (s *Search) add(name string, p piece) {
	for word := range pieceSize / 4 {
		if binary.LittleEndian.Uint32(p[4*word:]) == 0xffffffff {
			return // No key has 32 zero bits in a row, but much else does.
		}
	}
	s.pieces[p] = name
	bit := filterBit(p[:])
	s.filter[bit/64] |= 1 << (bit % 64)
}

func filterBit(p []byte) uint32 {
	return binary.LittleEndian.Uint32(p) * 0x9e3779b1 >> (32 - filterBits)
}

// Count returns how many pieces of each key are in the memory of one of the caller's processes: in all that it can
// write and shares with no other, which is what a core dump has. The memory may change while it is read.
func (s *Search) Count(pid int) (found map[string]int, err error) {
	regions, err := privateMemory(pid)
	if err != nil {
		return nil, err
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return nil, err
	}
	defer func() { _ = memory.Close() }()
	// The buffer is shared memory, so that it is not itself searched.
	buffer, err := syscall.Mmap(-1, 0, readSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANON)
	if err != nil {
		return nil, err
	}
	defer func() { _ = syscall.Munmap(buffer) }()
	found = map[string]int{}
	for _, r := range regions {
		// Reads overlap, so that nothing is missed at their ends.
		for at := r.begin; at < r.end; at += readSize - pieceSize + 1 {
			// A region that has gone in the meantime can't be read.
			n, _ := memory.ReadAt(buffer[:min(readSize, r.end-at)], at)
			s.count(buffer[:n], found)
		}
	}
	return found, nil
}

// count counts the pieces that begin in memory. It inverts every bit of memory.
//
//go:norace
func (s *Search) count(memory []byte, found map[string]int) {
	subtle.XORBytes(memory, memory, ones[:len(memory)])
	for at := 0; at+pieceSize <= len(memory); at++ {
		// Most memory is empty.
		if empty := at + pageSize + pieceSize; at%pageSize == 0 && empty <= len(memory) &&
			bytes.Equal(memory[at:empty], ones[:empty-at]) {
			at += pageSize - 1
			continue
		}
		bit := filterBit(memory[at:])
		if s.filter[bit/64]>>(bit%64)&1 == 0 {
			continue
		}
		if name, ok := s.pieces[piece(memory[at:])]; ok {
			found[name]++
		}
	}
}

type region struct{ begin, end int64 }

func privateMemory(pid int) (regions []region, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(maps)) {
		var r region
		var access string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &r.begin, &r.end, &access); err == nil && access == "rw-p" {
			regions = append(regions, r)
		}
	}
	return regions, nil
}
