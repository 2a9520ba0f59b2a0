package page

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// names are what an attacker that can write to the store may put in place of accounts, regions and key ids. A slash
// would end them.
var names = []string{
	`<script>window.broken=1<script>`, `"><img src=x onerror=window.broken=1>`, `<svg onload=window.broken=1>`,
	"\u202e<b>", strings.Repeat("W", 5000), `<iframe srcdoc=x>`, `{{.Style}}`,
}

// hostile is a service whose store has such names.
func hostile(t *testing.T) *service {
	t.Helper()
	s := busy(t)
	s.Stop()
	db, err := bbolt.Open(s.Config().Storage.Path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		records := tx.Bucket([]byte("records"))
		for _, name := range names {
			for path, value := range map[string]string{
				"state/" + name + "/" + name + "/Enabled":                         "7",
				"due/2026-01-01T00:00:00Z/" + name + "/" + name + "/" + name:      "",
				"rotation/2090-01-01T00:00:00Z/" + name + "/" + name + "/" + name: "",
			} {
				if err := records.Put([]byte(path), []byte(value)); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	require.NoError(t, db.Close())
	s.Start()
	return s
}

func TestHostileNamesAreText(t *testing.T) {
	s := hostile(t)
	b := open(t, s.url(), desktop)
	require.Equal(t, 0, eval[int](b, `document.querySelectorAll('script, img, iframe, main b:not(.summary b)').length`))
	require.Equal(t, "undefined", eval[string](b, `typeof window.broken`))
	text := eval[string](b, `document.body.innerText`)
	for _, name := range names[:3] {
		require.Contains(t, text, name)
	}
	require.NotContains(t, text, "\u202e")
	b.requireQuiet(s.url())
}
