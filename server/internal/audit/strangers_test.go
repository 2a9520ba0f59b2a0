package audit_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
)

// stranger is the record of a request that was not authenticated.
func stranger(at time.Time) audit.Record {
	r := record
	r.Time, r.Account = at, ""
	return r
}

func TestWhatAStrangerClaimsIsCut(t *testing.T) {
	var out bytes.Buffer
	r := stranger(record.Time)
	r.AccessKeyID, r.Operation = strings.Repeat("L", 1000), strings.Repeat("é", 1000)
	log := audit.New(&out)
	require.NoError(t, log.WriteStranger(r))
	var fields map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &fields))
	require.Equal(t, strings.Repeat("L", audit.MaxClaim)+"…", fields["access_key_id"])
	require.Equal(t, strings.Repeat("é", audit.MaxClaim)+"…", fields["operation"])
}

// Markup characters take the most space, six bytes of JSON each.
func TestALineOfAStrangerIsShortWhateverItNames(t *testing.T) {
	var out bytes.Buffer
	long := strings.Repeat("<", 1<<20)
	r := stranger(record.Time)
	r.AccessKeyID, r.Operation = long, long
	r.Asked = kmsapi.Params{
		{Name: "KeyId", Value: strings.Repeat("é", 60)},
		{Name: "AliasName", Value: long},
		{Name: "KmsInstanceId", Value: long},
		{Name: "DKMSInstanceId", Value: long},
	}
	require.NoError(t, audit.New(&out).WriteStranger(r))
	var fields struct{ Asked map[string]string }
	require.NoError(t, json.Unmarshal(out.Bytes(), &fields))
	require.Equal(t, map[string]string{
		"KeyId": strings.Repeat("é", 60), "AliasName": "<<<<…", "KmsInstanceId": "…", "DKMSInstanceId": "…",
	}, fields.Asked)
	r.Asked[0].Value = long
	out.Reset()
	require.NoError(t, audit.New(&out).WriteStranger(r))
	require.Less(t, out.Len(), 2000)
}

func TestStrangersAboveTheRateAreSummedUpInOneLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := audit.Open(path)
	require.NoError(t, err)
	const omitted = 5000
	for range audit.StrangersBurst + omitted {
		require.NoError(t, log.WriteStranger(stranger(record.Time)))
	}
	require.NoError(t, log.Write(record), "an authenticated request gets its line")
	later := record.Time.Add(time.Second)
	for range audit.StrangersPerSecond + 1 {
		require.NoError(t, log.WriteStranger(stranger(later)))
	}
	require.NoError(t, log.Close())
	got := lines(t, path)
	require.Len(t, got, audit.StrangersBurst+1+audit.StrangersPerSecond+1)
	var last struct {
		Time       time.Time
		Omitted    int
		DurationUS int64 `json:"duration_us"`
	}
	require.NoError(t, json.Unmarshal([]byte(got[len(got)-1]), &last))
	require.Equal(t, omitted+1, last.Omitted)
	require.True(t, last.Time.Equal(record.Time))
	require.Equal(t, time.Second.Microseconds(), last.DurationUS)
}

func TestASummaryThatCanNotBeWrittenIsWrittenLater(t *testing.T) {
	w := &failing{broken: true}
	log := audit.New(w)
	for range audit.StrangersBurst {
		require.Error(t, log.WriteStranger(stranger(record.Time)))
	}
	require.NoError(t, log.WriteStranger(stranger(record.Time)), "it is only counted")
	require.Error(t, log.Summarize())
	w.broken = false
	require.NoError(t, log.Summarize())
	require.NoError(t, log.Err())
}
