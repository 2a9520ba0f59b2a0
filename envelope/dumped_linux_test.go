package envelope

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dumpedVariable is set in the environment of a process whose memory is searched, and says that it is one.
const dumpedVariable = "ALICLOUDKMS_TEST_DUMPED"

// What such a process does, step by step.
const (
	stepUse byte = 1 + iota
	stepGoOn
	stepDrop
)

// usedNonce is the nonce of a message or file that a process has encrypted. With the key, it gives the message's own
// key.
type usedNonce struct {
	Name  string
	Nonce []byte
}

// subject is the process whose memory is searched.
type subject struct {
	t        *testing.T
	inverted map[string]*[KeySize]byte
	cache    *Cache
	mounts   map[string]*Mount
	later    atomic.Int64 // how far the clock is ahead
	refuses  atomic.Bool
	held     *Lease
	file     *Writer
	nonces   []usedNonce
	// unwrapped keeps what the cache was given, so that only the cache can have erased it.
	unwrapped sync.Map
}

func TestTheProcessThatIsDumped(t *testing.T) {
	if os.Getenv(dumpedVariable) == "" {
		t.Skip("it is another process of TestNoDataKeyIsInACoreDumpOnceItIsDropped")
	}
	in, out := os.NewFile(3, "in"), os.NewFile(4, "out")
	s := &subject{t: t, inverted: map[string]*[KeySize]byte{}, mounts: map[string]*Mount{}}
	s.cache = NewCache(Options{
		Max: 50, Timeout: time.Minute, Refused: func(err error) bool { return errors.Is(err, errRefused) },
	})
	system := s.cache.clock
	s.cache.clock = func() moment {
		now := system()
		now.monotonic += time.Duration(s.later.Load())
		return now
	}
	main := s.cache.Mount()
	for _, name := range dumpedKeys {
		s.inverted[name], s.mounts[name] = new([KeySize]byte), main
		_, err := io.ReadFull(in, s.inverted[name][:])
		require.NoError(t, err)
	}
	s.mounts[closed] = s.cache.Mount()
	step := make([]byte, 1)
	for {
		if _, err := in.Read(step); errors.Is(err, io.EOF) {
			return
		}
		s.do(step[0])
		require.NoError(t, json.NewEncoder(out).Encode(s.nonces))
		s.nonces = nil
	}
}

func (s *subject) do(step byte) {
	switch step {
	case stepUse:
		s.useAll()
	case stepDrop:
		s.dropAll()
	}
	runtime.GC()
	for i := range uint32(100) {
		version := uint32(1)
		if step == stepDrop {
			version += i // Each is another data key to the cache, so others must make room.
		}
		s.request(kept, Use{Ref: Ref{Name: kept, Version: version}, TTL: time.Hour})
	}
}

func (s *subject) useAll() {
	for _, name := range dumpedKeys {
		switch name {
		case unkept:
			s.request(name, Use{Ref: Ref{Name: name}})
		case evicted:
			s.request(name, Use{Ref: Ref{Name: name}, TTL: time.Hour})
		case file:
			s.beginFile()
		case kept: // It is used in every step.
		default:
			s.request(name, Use{Ref: Ref{Name: name}, TTL: time.Hour, Newest: true})
		}
	}
	var err error
	s.held, err = s.acquire(held, Use{Ref: Ref{Name: held}, TTL: time.Hour, Newest: true})
	require.NoError(s.t, err)
}

func (s *subject) dropAll() {
	s.mounts[dropped].Drop(dropped)
	s.mounts[closed].Close()
	s.mounts[held].Drop(held)
	s.held.Release()
	require.NoError(s.t, s.file.Close())
	s.request(expired, Use{Ref: Ref{Name: expired}, TTL: time.Millisecond, Newest: true})
	s.refuses.Store(true)
	s.later.Store(int64(40 * time.Minute))
	s.request(refused, Use{Ref: Ref{Name: refused}, TTL: time.Hour, Newest: true}) // It is renewed in the background.
	require.Eventually(s.t, func() bool { return s.mounts[kept].Stats().Cached == 2 }, time.Minute, time.Millisecond,
		"the one that is kept, and the one that is evicted next")
}

func (s *subject) acquire(name string, u Use) (*Lease, error) {
	u.Drops = s.mounts[name].Drops()
	return s.mounts[name].Acquire(s.t.Context(), u, func(context.Context) (*[KeySize]byte, error) {
		if name == refused && s.refuses.Load() {
			return nil, errRefused
		}
		secret := s.unwrap(name)
		s.unwrapped.Store(secret, nil)
		return secret, nil
	})
}

// unwrap returns a data key on the heap. A stack leaves copies behind when it grows.
//
//go:noinline
func (s *subject) unwrap(name string) *[KeySize]byte {
	secret := new([KeySize]byte)
	for i, b := range s.inverted[name] {
		secret[i] = ^b
	}
	return secret
}

// request uses a data key for all that a request may do, on a goroutine of its own.
func (s *subject) request(name string, u Use) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l, err := s.acquire(name, u)
		if err != nil {
			s.t.Error(err)
			return
		}
		defer l.Release()
		for _, n := range []int{64, 4096} {
			message := l.Key().AppendMessage(nil, exampleHeader, nil, make([]byte, n))
			m, err := Parse(message)
			if err == nil {
				_, err = l.Key().Open(nil, m, nil)
			}
			if err != nil {
				s.t.Error(err)
			}
			s.nonces = append(s.nonces, usedNonce{Name: name, Nonce: m.nonce})
		}
		if name != kept {
			s.mac(l.Key())
		}
	}()
	<-done
}

func (s *subject) mac(k *Key) {
	mac, err := k.NewMAC(sha256.New, exampleHeader.ID, 1)
	if err != nil {
		s.t.Error(err)
		return
	}
	_, _ = mac.Write([]byte("text"))
	mac.Sum(nil)
}

func (s *subject) beginFile() {
	secret := s.unwrap(file)
	k := NewKey(secret)
	clear(secret[:])
	var begun bytes.Buffer
	var err error
	s.file, err = NewWriter(&begun, k, exampleHeader.Wrapped, nil)
	require.NoError(s.t, err)
	k.Clear()
	_, err = s.file.Write(make([]byte, 2*chunkSize))
	require.NoError(s.t, err)
	f, err := NewFile(&begun)
	require.NoError(s.t, err)
	s.nonces = append(s.nonces, usedNonce{Name: file, Nonce: f.nonce})
}
