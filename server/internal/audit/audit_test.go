package audit_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
)

var record = audit.Record{
	Time:      time.Date(2018, 1, 1, 20, 0, 0, 123456789, time.FixedZone("CST", 8*3600)),
	RequestID: "475f1620-b9d3-4d35-b5c6-3fbdd941423d",
	Account:   "123456", AccessKeyID: "LTAIexample", SourceIP: "192.0.2.1",
	Operation: "Decrypt", Region: "cn-hangzhou", Gateway: "kst-a", KeyID: "1234abcd-12ab-34cd-56ef-12345678****",
	InstanceID: "kst-b",
	Status:     409, Code: "Rejected.Disabled", Duration: 1234567 * time.Nanosecond,
}

func TestALineHasEveryField(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, audit.New(&out).Write(record))
	require.Equal(t, `{"time":"2018-01-01T12:00:00.123456789Z","request_id":"475f1620-b9d3-4d35-b5c6-3fbdd941423d",`+
		`"account":"123456","access_key_id":"LTAIexample","source_ip":"192.0.2.1","operation":"Decrypt",`+
		`"region":"cn-hangzhou","gateway":"kst-a","key_id":"1234abcd-12ab-34cd-56ef-12345678****",`+
		`"instance_id":"kst-b","status":409,`+
		`"code":"Rejected.Disabled","duration_us":1234}`+"\n", out.String())
}

func TestALineHasWhatWasAskedForIfThatIsNotTheKey(t *testing.T) {
	var out bytes.Buffer
	r := record
	r.Asked = kmsapi.Params{{Name: "KeyId", Value: "alias/" + strings.Repeat("a", 255)}}
	require.NoError(t, audit.New(&out).Write(r))
	require.Contains(t, out.String(),
		`"instance_id":"kst-b","asked":{"KeyId":"alias/`+strings.Repeat("a", 255)+`"},"status":409`)
}

func TestNoFieldCanForgeALine(t *testing.T) {
	for name, test := range map[string]struct{ field, want string }{
		"a newline and another line": {"x\"}\n{\"operation\":\"Decrypt\"}", "x\"}\uFFFD{\"operation\":\"Decrypt\"}"},
		"other line ends":            {"a\r\n\v\f\u0085\u2028\u2029b", "a\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDb"},
		"a terminal's escape codes":  {"\x1b[2J\u009b2J\x7f\x00", "\uFFFD[2J\uFFFD2J\uFFFD\uFFFD"},
		"text that runs backwards":   {"a\u202eb\u200b", "a\uFFFDb\uFFFD"},
		"invalid UTF-8":              {"a\xff\xfe", "a\uFFFD\uFFFD"},
		"Chinese":                    {"密钥 管理", "密钥 管理"},
		"the maximum length":         {strings.Repeat("é", audit.MaxField), strings.Repeat("é", audit.MaxField)},
		"too long":                   {strings.Repeat("é", audit.MaxField+1), strings.Repeat("é", audit.MaxField) + "…"},
		"far too long":               {strings.Repeat("\xff", 1<<20), strings.Repeat("\uFFFD", audit.MaxField) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, audit.New(&out).Write(audit.Record{
				RequestID: test.field, Account: test.field, AccessKeyID: test.field, SourceIP: test.field,
				Operation: test.field, Region: test.field, KeyID: test.field, Code: test.field,
				Gateway: test.field, InstanceID: test.field, Asked: kmsapi.Params{{Name: "KeyId", Value: test.field}},
			}))
			require.Equal(t, 1, strings.Count(out.String(), "\n"))
			require.True(t, strings.HasSuffix(out.String(), "\n"))
			for _, c := range out.Bytes()[:out.Len()-1] {
				require.GreaterOrEqual(t, c, byte(' '))
			}
			var fields map[string]any
			require.NoError(t, json.Unmarshal(out.Bytes(), &fields))
			for _, name := range []string{
				"request_id", "account", "access_key_id", "source_ip", "operation", "region", "key_id", "code",
				"gateway", "instance_id",
			} {
				require.Equal(t, test.want, fields[name], name)
			}
			require.Equal(t, map[string]any{"KeyId": test.want}, fields["asked"])
		})
	}
}

func TestTheFileIsPrivateAndAppendedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	for i := range 3 {
		log, err := audit.Open(path)
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
		require.NoError(t, log.Write(record))
		require.NoError(t, log.Close())
		require.Len(t, lines(t, path), i+1)
		require.NoError(t, os.Chmod(path, 0o666))
	}
}

func TestALineCutOffByACrashSpoilsNoOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	require.NoError(t, os.WriteFile(path, []byte(`{"time":"2018-01-01T12:0`), 0o600))
	log, err := audit.Open(path)
	require.NoError(t, err)
	require.NoError(t, log.Write(record))
	require.NoError(t, log.Write(record))
	require.NoError(t, log.Close())
	got := lines(t, path)
	require.Len(t, got, 3)
	require.True(t, json.Valid([]byte(got[1])))
	require.True(t, json.Valid([]byte(got[2])))
}

func TestOpenReportsWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	_, err := audit.Open(filepath.Join(dir, "missing", "audit.log"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "missing")
	_, err = audit.Open(dir)
	require.ErrorContains(t, err, dir)
}

// broken fails every second write halfway.
type broken struct {
	bytes.Buffer
	writes int
	err    error
}

func (b *broken) Write(p []byte) (int, error) {
	if b.writes++; b.writes%2 == 1 {
		n, _ := b.Buffer.Write(p[:10])
		return n, b.err
	}
	return b.Buffer.Write(p)
}

func TestAFailedWriteIsReturned(t *testing.T) {
	for name, cause := range map[string]error{"an error": errors.New("disk full"), "a short write without one": nil} {
		t.Run(name, func(t *testing.T) {
			out := &broken{err: cause}
			log := audit.New(out)
			for range 3 {
				err := log.Write(record)
				require.Error(t, err)
				require.ErrorIs(t, err, cmp.Or(cause, io.ErrShortWrite))
				require.NoError(t, log.Write(record))
			}
			whole := 0
			for line := range strings.Lines(out.String()) {
				if json.Valid([]byte(line)) && strings.HasPrefix(line, "{") {
					whole++
				}
			}
			require.Equal(t, 3, whole, "an incomplete line stays on its own")
		})
	}
}

func TestNothingIsWrittenAfterClose(t *testing.T) {
	var out bytes.Buffer
	for _, log := range []*audit.Log{audit.New(&out), audit.Discard()} {
		require.NoError(t, log.Close())
		require.NoError(t, log.Close())
		require.ErrorIs(t, log.Write(record), audit.ErrClosed)
	}
	require.Empty(t, out.String())
}

func TestDiscardAcceptsEverything(t *testing.T) {
	require.NoError(t, audit.Discard().Write(record))
}

func TestATimeThatCanNotBeEncodedIsAnError(t *testing.T) {
	bad := record
	bad.Time = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	require.Error(t, audit.New(&out).Write(bad))
	require.Empty(t, out.String())
}

func TestConcurrentLinesDoNotMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := audit.Open(path)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() {
			for i := range 100 {
				r := record
				r.RequestID = fmt.Sprintf("%d/%d", n, i)
				if err := log.Write(r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, log.Close())
	seen := map[string]bool{}
	for _, line := range lines(t, path) {
		var fields struct {
			RequestID string `json:"request_id"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		seen[fields.RequestID] = true
	}
	require.Len(t, seen, 1600)
}

func TestAMovedFileIsFollowedUntilTheLogIsReopened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := audit.Open(path)
	require.NoError(t, err)
	require.NoError(t, log.Write(record))
	require.NoError(t, os.Rename(path, path+".1"))
	require.NoError(t, log.Write(record))
	require.NoError(t, log.Reopen())
	require.NoError(t, log.Write(record))
	require.Len(t, lines(t, path+".1"), 2)
	require.Len(t, lines(t, path), 1)
	require.NoError(t, log.Close())
	require.ErrorIs(t, log.Reopen(), audit.ErrClosed)
}

func TestALogThatCanNotBeReopenedContinues(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	require.NoError(t, os.Mkdir(dir, 0o700))
	log, err := audit.Open(filepath.Join(dir, "audit.log"))
	require.NoError(t, err)
	moved := dir + "-moved"
	require.NoError(t, os.Rename(dir, moved))
	require.Error(t, log.Reopen())
	require.NoError(t, log.Write(record))
	require.Len(t, lines(t, filepath.Join(moved, "audit.log")), 1)
	require.NoError(t, log.Close())
	require.NoError(t, audit.Discard().Reopen(), "there is nothing to open")
}

// failing is a writer that fails while broken is set.
type failing struct{ broken bool }

func (f *failing) Write(p []byte) (int, error) {
	if f.broken {
		return 0, os.ErrInvalid
	}
	return len(p), nil
}

func TestErrIsTheErrorOfTheLastWrite(t *testing.T) {
	w := &failing{}
	log := audit.New(w)
	require.NoError(t, log.Err())
	w.broken = true
	require.Error(t, log.Write(record))
	require.ErrorIs(t, log.Err(), os.ErrInvalid)
	w.broken = false
	require.NoError(t, log.Write(record))
	require.NoError(t, log.Err())
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.HasSuffix(content, []byte("\n")))
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}
