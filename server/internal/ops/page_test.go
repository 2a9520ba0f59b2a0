package ops

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// pageOf returns the page of a service with the records r, usage and certificates.
func pageOf(t *testing.T, r Records, usage []Usage, certificates []Certificate) string {
	t.Helper()
	status := func() Status {
		return Status{
			At: now, Started: now.Add(-time.Hour), Usage: func() []Usage { return usage },
			Certificates: certificates, Figures: func() Figures { return Figures{} },
			Records: func(context.Context, int) (Records, error) { return r, nil },
		}
	}
	answer := httptest.NewRecorder()
	o := Options{Status: status, Metrics: NewMetrics(Labels{}), Log: slog.New(slog.DiscardHandler)}
	page(o).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	return answer.Body.String()
}

// hostile are names that an attacker that can write to the store may put there.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=//evil.example onerror=alert(1)>`, `' onmouseover='alert(1)`, `</style><b>`,
	`{{.Style}}`, "<!--", "\x00\x1b[31m\r\n", "\u202egnp.exe", "\xff\xfe", strings.Repeat("<", 100_000),
	"javascript:alert(1)",
}

func TestWhatIsInTheStoreIsShownAsText(t *testing.T) {
	clean := strings.Count(pageOf(t, Records{}, nil, nil), "<")
	for _, name := range hostile {
		r := Records{
			Keys: []KeyCount{{name, name, kmsapi.KeyState(name), 1}}, Secrets: []SecretCount{{name, name, 1}},
			Losses:    []Event{{At: now, Account: name, Region: name, KeyID: name, Loss: name}},
			Rotations: []Event{{At: now, Account: name, Region: name, KeyID: name}},
		}
		usage := []Usage{{Account: name, Region: name, Class: "a", Limit: 1}}
		page := pageOf(t, r, usage, []Certificate{{ForClients, name, now}})
		harmless := pageOf(t, Records{
			Keys: []KeyCount{{"a", "a", "a", 1}}, Secrets: []SecretCount{{"a", "a", 1}},
			Losses:    []Event{{At: now, Account: "a", Region: "a", KeyID: "a", Loss: "a"}},
			Rotations: []Event{{At: now, Account: "a", Region: "a", KeyID: "a"}},
		}, []Usage{{Account: "a", Region: "a", Class: "a", Limit: 1}}, []Certificate{{ForClients, "a", now}})
		require.Equal(t, tags(harmless), tags(page), "%.40q makes no tag, and no attribute", name)
		require.Greater(t, strings.Count(page, "<"), clean)
		require.NotRegexp(t, "[\x00-\x09\x0b-\x1f\u202e]", page)
		require.Less(t, len(page), 64<<10)
	}
}

// tags returns the HTML tags of a page, with their attributes.
func tags(page string) []string { return regexp.MustCompile(`<[^<>]*>`).FindAllString(page, -1) }

func TestThePageIsBounded(t *testing.T) {
	const many = 5000
	long := strings.Repeat("<", 1000)
	var r Records
	var usage []Usage
	var certificates []Certificate
	for i := range many {
		account := fmt.Sprint(i, long)
		for _, state := range pageStates {
			r.Keys = append(r.Keys, KeyCount{account, long, state, i})
		}
		r.Secrets = append(r.Secrets, SecretCount{account, long, 1})
		e := Event{At: now.Add(time.Duration(i) * time.Hour), Account: account, Region: long, KeyID: long, Loss: long}
		r.Losses, r.Rotations, r.SecretDeletions = append(r.Losses, e), append(r.Rotations, e), append(r.SecretDeletions, e)
		usage = append(usage, Usage{Account: account, Region: long, Class: "crypto", Limit: 1, PerSecond: float64(i)})
		certificates = append(certificates, Certificate{ForClients, account, now})
	}
	page := pageOf(t, r, usage, certificates)
	require.Less(t, len(page), 128<<10)
	require.Contains(t, page, "4,980 more", "accounts")
	require.Contains(t, page, "4,990 more are left out", "limits")
	require.Contains(t, page, "4,980 more are left out", "certificates")
	require.Contains(t, page, "Later ones are left out.")
	require.Contains(t, page, fmt.Sprintf("<b>%s</b>", count(4*many*(many-1)/2)), "the sum is of all")
}

func TestThePolicyLetsInTheStyleOfThePage(t *testing.T) {
	page := pageOf(t, Records{}, nil, nil)
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	require.Contains(t, pagePolicy, "'sha256-"+hashOf(style)+"'")
	require.Equal(t, 1, strings.Count(page, "<style"))
	require.NotContains(t, page, "style=")
	require.NotContains(t, page, "<script")
	require.NotRegexp(t, `(src|href)="(https?:|//)`, page)
}

func TestAPageThatLacksSomethingSaysSo(t *testing.T) {
	var log bytes.Buffer
	status := func() Status {
		return Status{
			At: now, Started: now, Usage: func() []Usage { return nil }, Figures: func() Figures { return Figures{} },
			Records: func(context.Context, int) (Records, error) {
				return Records{Keys: []KeyCount{{"1", "r", kmsapi.Enabled, 7}}}, fmt.Errorf("record secret/1/r/private: damaged")
			},
		}
	}
	answer := httptest.NewRecorder()
	page(Options{Status: status, Metrics: NewMetrics(Labels{}), Log: slog.New(slog.NewTextHandler(&log, nil))}).
		ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://localhost/", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	require.Contains(t, answer.Body.String(), "Some of what this page shows could not be read")
	require.Contains(t, answer.Body.String(), "<b>7</b>", "what could be read is there")
	require.NotContains(t, answer.Body.String(), "private")
	require.Contains(t, log.String(), "secret/1/r/private")
}
