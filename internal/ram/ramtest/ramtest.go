// Package ramtest is a double of RAM for tests: one RAM user with its access keys, of which it may have two. It checks
// signatures with code of its own, makes new keys work only after a while, and can lose answers.
package ramtest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// maxKeys is how many access keys a user may have.
const maxKeys = 2

// A Key is an access key of the user.
type Key struct {
	ID, Secret string
	// Inactive keys are refused.
	Inactive bool
	Created  time.Time
	// works is when it starts to work.
	works time.Time
}

// RAM is the double.
type RAM struct {
	// URL is where it listens, with plain HTTP on loopback.
	URL string

	mu     sync.Mutex // guards the fields below
	clock  func() time.Time
	keys   []Key
	delay  time.Duration
	nonces map[string]bool
	calls  map[string]int
	// before is called before a request runs, and after once it has run. If either returns false, the connection
	// breaks.
	before, after func(action string) bool
	refusals      map[string]refusal
	accept        func([]Key)
	accepted      []Key
}

type refusal struct {
	status int
	code   string
}

// New starts a double whose user has one access key, and stops it when the test ends.
func New(t testing.TB, id, secret string) *RAM {
	t.Helper()
	r := &RAM{
		clock: time.Now, nonces: map[string]bool{}, calls: map[string]int{}, refusals: map[string]refusal{},
		keys: []Key{{ID: id, Secret: secret, Created: time.Now().Add(-24 * time.Hour)}},
	}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// set changes the double.
func (r *RAM) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// UseClock replaces the clock.
func (r *RAM) UseClock(clock func() time.Time) { r.set(func() { r.clock = clock }) }

// Delay makes new keys work only after a time.
func (r *RAM) Delay(d time.Duration) { r.set(func() { r.delay = d }) }

// Before breaks the connection before an action runs, if hook returns false.
func (r *RAM) Before(hook func(action string) bool) { r.set(func() { r.before = hook }) }

// After loses the answer of an action, if hook returns false.
func (r *RAM) After(hook func(action string) bool) { r.set(func() { r.after = hook }) }

// Refuse makes RAM refuse an action. Status 0 ends that.
func (r *RAM) Refuse(action string, status int, code string) {
	r.set(func() { r.refusals[action] = refusal{status, code} })
}

// Accept makes [RAM.Settle] call a function with the keys that work, whenever they have changed.
func (r *RAM) Accept(accept func([]Key)) { r.set(func() { r.accept = accept }) }

// Settle makes keys work whose delay has passed.
func (r *RAM) Settle() { r.set(r.settle) }

func (r *RAM) settle() {
	working := slices.DeleteFunc(slices.Clone(r.keys), func(k Key) bool { return !r.works(k) })
	if r.accept != nil && !slices.Equal(working, r.accepted) {
		r.accepted = working
		r.accept(working)
	}
}

func (r *RAM) works(k Key) bool { return !k.Inactive && !r.clock().Before(k.works) }

// Works reports whether the key called id does.
func (r *RAM) Works(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.find(id)
	return i >= 0 && r.works(r.keys[i])
}

// Keys returns the user's keys.
func (r *RAM) Keys() []Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.keys)
}

// Add gives the user a key that works, as somebody else would.
func (r *RAM) Add(id, secret string) {
	r.set(func() { r.keys = append(r.keys, Key{ID: id, Secret: secret, Created: r.clock()}) })
}

// Remove deletes a key, as somebody else would.
func (r *RAM) Remove(id string) {
	r.set(func() { r.keys = slices.DeleteFunc(r.keys, func(k Key) bool { return k.ID == id }) })
}

// Calls returns how often an action was run or refused.
func (r *RAM) Calls(action string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls[action]
}

func (r *RAM) find(id string) int {
	return slices.IndexFunc(r.keys, func(k Key) bool { return k.ID == id })
}

// ServeHTTP serves RAM's API.
func (r *RAM) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	action := req.Header.Get("x-acs-action")
	r.mu.Lock()
	before, after := r.before, r.after
	r.mu.Unlock()
	if before != nil && !before(action) {
		panic(http.ErrAbortHandler)
	}
	r.mu.Lock()
	status, answer := r.serve(action, req)
	r.settle()
	r.mu.Unlock()
	if after != nil && !after(action) {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

type object = map[string]any

func failed(status int, code string) (int, object) {
	return status, object{
		"RequestId": "ram-" + rand.Text()[:8], "Code": code, "HostId": "ram.aliyuncs.com",
		"Message": "it may quote the request, " + code,
	}
}

func (r *RAM) serve(action string, req *http.Request) (int, object) {
	r.calls[action]++
	if status, code := r.authenticate(req); status != http.StatusOK {
		return failed(status, code)
	}
	if refused := r.refusals[action]; refused.status != 0 {
		return failed(refused.status, refused.code)
	}
	query := req.URL.Query()
	switch action {
	case "ListAccessKeys":
		return r.list()
	case "CreateAccessKey":
		return r.create()
	case "UpdateAccessKey":
		return r.change(query.Get("UserAccessKeyId"), func(i int) { r.keys[i].Inactive = query.Get("Status") == "Inactive" })
	case "DeleteAccessKey":
		return r.change(query.Get("UserAccessKeyId"), func(i int) { r.keys = slices.Delete(r.keys, i, i+1) })
	default:
		return failed(http.StatusNotFound, "NoSuchAction")
	}
}

func (r *RAM) list() (int, object) {
	keys := make([]object, len(r.keys))
	for i, k := range r.keys {
		keys[i] = k.shown()
	}
	return http.StatusOK, object{"RequestId": "ram-1", "AccessKeys": object{"AccessKey": keys}}
}

func (k Key) shown() object {
	status := "Active"
	if k.Inactive {
		status = "Inactive"
	}
	return object{"AccessKeyId": k.ID, "Status": status, "CreateDate": k.Created.UTC().Format(time.RFC3339)}
}

func (r *RAM) create() (int, object) {
	if len(r.keys) >= maxKeys {
		return failed(http.StatusConflict, "LimitExceeded.User.AccessKey")
	}
	now := r.clock()
	made := Key{ID: "LTAI" + rand.Text()[:16], Secret: "ramtest-" + rand.Text(), Created: now, works: now.Add(r.delay)}
	r.keys = append(r.keys, made)
	shown := made.shown()
	shown["AccessKeySecret"] = made.Secret
	return http.StatusOK, object{"RequestId": "ram-2", "AccessKey": shown}
}

func (r *RAM) change(id string, change func(int)) (int, object) {
	i := r.find(id)
	if i < 0 {
		return failed(http.StatusNotFound, "EntityNotExist.User.AccessKey")
	}
	change(i)
	return http.StatusOK, object{"RequestId": "ram-3"}
}

// Secrets returns the secrets of the keys that the user has or had, for tests that look for them in logs.
func (r *RAM) Secrets() (secrets []string) {
	for _, k := range r.Keys() {
		if strings.HasPrefix(k.Secret, "ramtest-") {
			secrets = append(secrets, k.Secret)
		}
	}
	return secrets
}
