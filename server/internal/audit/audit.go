// Package audit records who did what: one line of JSON for each request, even if it is refused.
//
// A line holds no plaintext, ciphertext, encryption context, signature or token; there is no field for them. Some
// fields hold whatever a caller sends, such as an unknown operation. So every string is cut to [MaxField] characters,
// or [MaxClaim] if its sender was not authenticated, and characters that do not print, which could forge a line or
// control the terminal of its reader, are replaced.
//
// key_id and instance_id are what the service found. Only lines of ReEncrypt have destination_key_id and
// destination_instance_id: they are about the key that encrypts, and key_id is the key that decrypts. If the request
// named something else (an alias, a resource name, or a key that does not exist), asked has it under the name of its
// parameter. If key_id is empty, asked is only what the caller claims.
//
//	{"time":"2018-01-01T12:00:00.123456789Z","request_id":"…","account":"123456","access_key_id":"LTAI…",
//	"source_ip":"192.0.2.1","operation":"Decrypt","region":"cn-hangzhou","gateway":"shared","key_id":"…",
//	"instance_id":"","asked":{"KeyId":"alias/payroll"},"status":200,"code":"","duration_us":153}
//
// What strangers can write is bounded: requests that were refused before they were authenticated get lines in a burst
// of [StrangersBurst] and then at [StrangersPerSecond]. The others are counted, and every [SummaryEvery] a separate
// line says how many there were, as "omitted".
//
// A line is passed to the operating system before Write returns, so it survives kill -9; it is not synced, so a power
// failure can lose the last lines. The caller must refuse a request whose line can't be written.
package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/printable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// ErrClosed is the error of a [Log.Write] after [Log.Close].
var ErrClosed = errors.New("the audit log is closed")

// MaxField is how many characters of a string are kept: the resource name of the longest alias has fewer. MaxClaim is
// how many are kept of each claim of a request whose signature has not been verified: the access key id, the operation,
// and all names in asked together.
const (
	MaxField = 320
	MaxClaim = 64
)

// A Record is what is recorded about a request. Fields that are not known, because the request was refused early, are
// empty.
type Record struct {
	// Time is when the request arrived.
	Time      time.Time
	RequestID string
	// Account is set once the signature has been verified. Without it, AccessKeyID is only what the request claims.
	Account, AccessKeyID string
	SourceIP             string
	// ForwardedBy is the node of a cluster that received the request, if another node answered it.
	ForwardedBy string
	// Operation is the operation that the request names, which need not exist.
	Operation string
	Region    string
	// Gateway is the KMS instance whose dedicated gateway received the request, or "shared".
	Gateway string
	// KeyID is the CMK that the request was about, and InstanceID the KMS instance that the CMK is in, if any.
	KeyID, InstanceID string
	// DestinationKeyID is the CMK that ReEncrypt encrypts with, after KeyID has decrypted, and DestinationInstanceID
	// the KMS instance that it is in, if any.
	DestinationKeyID, DestinationInstanceID string
	// Asked are the parameters that name what the request is about, except for those that KeyID and InstanceID already
	// show.
	Asked kmsapi.Params
	// Status is the HTTP status of the answer, and Code its error code, or empty for success.
	Status int
	Code   string
	// Duration is the time from the arrival of the request to this record.
	Duration time.Duration
	// omitted, if not zero, makes this the summary of that many requests without lines of their own.
	omitted int
}

// line is a Record in its written form. Fields may be added, but never removed or changed.
type line struct {
	Time                  time.Time         `json:"time"`
	RequestID             string            `json:"request_id"`
	Account               string            `json:"account"`
	AccessKeyID           string            `json:"access_key_id"`
	SourceIP              string            `json:"source_ip"`
	ForwardedBy           string            `json:"forwarded_by,omitempty"`
	Operation             string            `json:"operation"`
	Region                string            `json:"region"`
	Gateway               string            `json:"gateway"`
	KeyID                 string            `json:"key_id"`
	DestinationKeyID      string            `json:"destination_key_id,omitempty"`
	InstanceID            string            `json:"instance_id"`
	DestinationInstanceID string            `json:"destination_instance_id,omitempty"`
	Asked                 map[string]string `json:"asked,omitempty"`
	Status                int               `json:"status"`
	Code                  string            `json:"code"`
	DurationUS            int64             `json:"duration_us"`
	Omitted               int               `json:"omitted,omitempty"`
}

func (r Record) encode() ([]byte, error) {
	claim := MaxField
	if r.Account == "" {
		claim = MaxClaim
	}
	encoded, err := json.Marshal(line{
		Time: r.Time.UTC(), RequestID: clean(r.RequestID), Account: clean(r.Account), AccessKeyID: cut(r.AccessKeyID, claim),
		SourceIP: clean(r.SourceIP), ForwardedBy: clean(r.ForwardedBy), Operation: cut(r.Operation, claim),
		Region:  clean(r.Region),
		Gateway: clean(r.Gateway), KeyID: clean(r.KeyID), DestinationKeyID: clean(r.DestinationKeyID),
		InstanceID: clean(r.InstanceID), DestinationInstanceID: clean(r.DestinationInstanceID), Asked: asked(r),
		Status: r.Status, Code: clean(r.Code), DurationUS: r.Duration.Microseconds(), Omitted: r.omitted,
	})
	if err != nil {
		return nil, err
	}
	return append(encoded, '\n'), nil
}

func clean(s string) string { return cut(s, MaxField) }

// cut keeps up to most characters of s, and replaces those that do not print.
func cut(s string, most int) string {
	if isClean(s, most) {
		return s
	}
	kept := 0
	for at := range s {
		if kept++; kept > most {
			s = s[:at] + "…"
			break
		}
	}
	return printable.Text(s)
}

// isClean reports whether cut would return s unchanged. It recognizes most such strings, but not all.
func isClean(s string, most int) bool {
	if len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Log is an audit log. It is safe for concurrent use.
type Log struct {
	// mu guards the fields below, except path, which does not change. It is held during a write, since lines must not
	// mix; so a slow writer slows all requests down.
	mu sync.Mutex
	// w is nil for a log that discards.
	w      io.Writer
	closer io.Closer
	// path is the path that the log was opened at, or empty.
	path   string
	closed bool
	// torn says that the last line is incomplete, and must be ended before the next one.
	torn bool
	// failure is the error of the last write.
	failure error

	strangers strangers
}

// New returns a log that writes each line to w in one call. Close does not close w.
func New(w io.Writer) *Log { return &Log{w: w, strangers: newStrangers()} }

// Discard returns a log that writes nothing.
func Discard() *Log { return &Log{strangers: newStrangers()} }

// Open returns a log that appends to the file at path, and creates the file if there is none. It sets the mode of the
// file to 0600. The folder must exist. The file may also be a device or a pipe.
func Open(path string) (*Log, error) {
	f, torn, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return &Log{w: f, closer: f, path: path, torn: torn, strangers: newStrangers()}, nil
}

func openFile(path string) (f *os.File, torn bool, err error) {
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("audit log: %w", err)
	}
	if torn, err = prepare(f); err != nil {
		return nil, false, errors.Join(fmt.Errorf("audit log: %w", err), f.Close())
	}
	return f, torn, nil
}

// Reopen opens the file at the log's path again, after the file has been moved away; further lines go there. If that
// fails, lines still go to the old file. A log that [Open] has not opened is left alone.
func (l *Log) Reopen() error {
	if l.path == "" {
		return nil
	}
	f, torn, err := openFile(l.path)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errors.Join(ErrClosed, f.Close())
	}
	old := l.closer
	l.w, l.closer, l.torn, l.failure = f, f, torn, nil
	return old.Close()
}

// prepare makes a regular file private, and reports whether its last line was cut off by a crash.
func prepare(f *os.File) (torn bool, err error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return false, err
		}
	}
	if info.Size() == 0 {
		return false, nil
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil {
		return false, err
	}
	return last[0] != '\n', nil
}

// Write writes r as one line. After an error the line may be incomplete; the next one starts on a line of its own.
func (l *Log) Write(r Record) error {
	encoded, err := r.encode()
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	if l.w == nil {
		return nil
	}
	l.failure = l.write(encoded)
	return l.failure
}

func (l *Log) write(encoded []byte) error {
	if l.torn {
		encoded = append([]byte{'\n'}, encoded...)
	}
	n, err := l.w.Write(encoded)
	if err == nil && n < len(encoded) {
		err = io.ErrShortWrite
	}
	if err != nil {
		l.torn = l.torn || n > 0
		return fmt.Errorf("audit log: %w", err)
	}
	l.torn = false
	return nil
}

// Err returns the error of the last write, or nil if it succeeded.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

// Close closes the log, and the file if [Open] has opened it. Further calls do nothing.
func (l *Log) Close() error {
	_ = l.summarize() // No request is left to be refused because of an error.
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	if l.closer == nil {
		return nil
	}
	return l.closer.Close()
}
