package etcd

import (
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// state is the whole store as of one revision of etcd.
type state struct {
	keys layout
	// revision is that of the last change that this state has seen.
	revision int64
	records  *records
	mark     mark
	id       string
	// leader is the active node; its created is zero if there is none.
	leader leader
	// staged are the parts of staged updates, by the id of the update and their number.
	staged map[string]map[int]string
	// pending is a committed update that is not yet in its place in etcd; in records it is.
	pending *staged
	// salvage goes on without an update of which a part is lost.
	salvage bool
	// foreign is the last revision in which something other than a node has changed records; 0 if there is none.
	foreign int64
}

// leader is the leader key.
type leader struct {
	cluster.Peer
	// created is the revision at which it was created, which no other term has.
	created int64
}

func newState(keys layout) *state {
	return &state{keys: keys, records: new(records), staged: map[string]map[int]string{}}
}

// put takes in one key of etcd. The mark is not yet obeyed.
func (s *state) put(kv *mvccpb.KeyValue) {
	name := string(kv.Key)
	switch {
	case strings.HasPrefix(name, s.keys.data):
		s.records.Set(name[len(s.keys.data):], string(kv.Value))
	case strings.HasPrefix(name, s.keys.staged):
		s.putStaged(name, string(kv.Value))
	case name == s.keys.mark:
		s.mark = mark{string(kv.Value), kv.ModRevision}
	case name == s.keys.id:
		s.id = string(kv.Value)
	case name == s.keys.leader:
		// A value that is no node's still keeps others from being the active node.
		s.leader = leader{created: kv.CreateRevision, Peer: cluster.ParsePeer(kv.Value)}
	}
}

func (s *state) putStaged(name, part string) {
	id, n, ok := s.keys.parseChunk(name)
	if !ok {
		return
	}
	if s.staged[id] == nil {
		s.staged[id] = map[int]string{}
	}
	s.staged[id][n] = part
}

// remove takes in that a key of etcd is gone.
func (s *state) remove(name string) {
	switch {
	case strings.HasPrefix(name, s.keys.data):
		s.records.Delete(name[len(s.keys.data):])
	case strings.HasPrefix(name, s.keys.staged):
		if id, n, ok := s.keys.parseChunk(name); ok {
			delete(s.staged[id], n)
			if len(s.staged[id]) == 0 {
				delete(s.staged, id)
			}
		}
	case name == s.keys.mark:
		s.mark = mark{}
	case name == s.keys.id:
		s.id = ""
	case name == s.keys.leader:
		s.leader = leader{}
	}
}

// obey does what the mark says: it is the commit of a staged update, whose changes are then part of the records, or of
// any other.
func (s *state) obey() error {
	s.pending = nil
	id, count, ok := parseStagedMark(s.mark.value)
	if !ok {
		return nil
	}
	changes, err := s.stagedChanges(id, count)
	switch {
	case err == nil:
		s.pending = &staged{changes}
		s.records.apply(changes)
	case s.salvage:
		return nil
	}
	return err
}

// stagedChanges returns the changes of a committed update of so many parts.
func (s *state) stagedChanges(id string, count int) (changes []change, err error) {
	for n := range count {
		part, ok := s.staged[id][n]
		if !ok {
			return nil, store.Damage(fmt.Sprintf("part %d of %d of a large update is missing", n+1, count))
		}
		more, err := unpack(part)
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	return changes, nil
}

// apply makes the changes. They may have been made, all or in part, before.
func (r *records) apply(changes []change) {
	for _, c := range changes {
		if c.deleted {
			r.Delete(c.key)
		} else {
			r.Set(c.key, c.value)
		}
	}
}
