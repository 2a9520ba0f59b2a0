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
	// revision is the revision of the last change that this state includes.
	revision int64
	records  *records
	mark     mark
	id       string
	// leader is the active node; its created is zero if there is none.
	leader leader
	// staged are the parts of staged updates, by the id of the update and their number.
	staged map[string]map[int]string
	// pending is a committed update that records include, but whose records in etcd are not yet written.
	pending *staged
	// salvage makes obey ignore a committed update if one of its parts is lost.
	salvage bool
	// foreign is the last revision in which something other than a node changed records; 0 if there is none.
	foreign int64
}

// leader is the leader key.
type leader struct {
	cluster.Peer
	// created is its create revision, which no other term shares.
	created int64
}

func newState(keys layout) *state {
	return &state{keys: keys, records: new(records), staged: map[string]map[int]string{}}
}

// put records a key of etcd. It does not obey the mark.
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
		// Even a value that no node has written keeps others from becoming active.
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

// remove records that a key of etcd is gone.
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

// obey does what the mark says: if it is the commit of a staged update, obey applies the changes to the records.
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

// stagedChanges returns the changes of the committed update id, which has count parts.
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

// apply makes the changes. Some or all of them may already have been made.
func (r *records) apply(changes []change) {
	for _, c := range changes {
		if c.deleted {
			r.Delete(c.key)
		} else {
			r.Set(c.key, c.value)
		}
	}
}
