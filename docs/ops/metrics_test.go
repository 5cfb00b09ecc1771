package ops_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tidings/internal/teststack"
)

// metricNames are those that Prometheus can have of us: what docs/METRICS.md lists, and what Go and the process say of
// themselves.
func metricNames(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile("../METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{"up": true}
	for _, m := range regexp.MustCompile("(?m)^\\| `(tidings_[a-z_]+)` \\| ([a-z]+)").FindAllStringSubmatch(string(page), -1) {
		if names[m[1]] = true; m[2] == "histogram" {
			names[m[1]+"_bucket"], names[m[1]+"_sum"], names[m[1]+"_count"] = true, true, true
		}
	}
	if len(names) < 20 {
		t.Fatalf("docs/METRICS.md lists %d metrics", len(names))
	}
	request, _ := http.NewRequest(http.MethodGet, teststack.Start(t).URL+"/metrics", nil)
	request.Header.Set("Authorization", "Bearer "+teststack.Key)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	for _, m := range regexp.MustCompile(`(?m)^((?:go|process)_[a-z_]+)`).FindAllStringSubmatch(string(text), -1) {
		names[m[1]] = true
	}
	return names
}

var (
	metricName = regexp.MustCompile(`\b(?:tidings|go|process)_[a-z_]+|\bup\b`)
	quoted     = regexp.MustCompile(`"[^"]*"`)
)

func checkExpression(t *testing.T, names map[string]bool, where, expr string) {
	t.Helper()
	used := metricName.FindAllString(quoted.ReplaceAllString(expr, ""), -1)
	if len(used) == 0 {
		t.Errorf("%s: %q uses no metric", where, expr)
	}
	for _, name := range used {
		if !names[name] {
			t.Errorf("%s: there is no metric %s", where, name)
		}
	}
	if strings.Count(expr, "(") != strings.Count(expr, ")") || strings.Count(expr, "{") != strings.Count(expr, "}") {
		t.Errorf("%s: %q has a bracket too many", where, expr)
	}
}

func TestAlerts(t *testing.T) {
	raw, err := os.ReadFile("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(raw)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	names := metricNames(t)
	seen := map[string]bool{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" || seen[rule.Alert] {
				t.Errorf("alert %q has no name, or that of another", rule.Alert)
			}
			seen[rule.Alert] = true
			checkExpression(t, names, rule.Alert, rule.Expr)
			for _, a := range []string{"summary", "description", "runbook"} {
				if rule.Annotations[a] == "" {
					t.Errorf("%s has no %s", rule.Alert, a)
				}
			}
			if !slices.Contains([]string{"page", "ticket"}, rule.Labels["severity"]) {
				t.Errorf("%s has severity %q", rule.Alert, rule.Labels["severity"])
			}
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d alerts", len(seen))
	}
}

func TestDashboard(t *testing.T) {
	raw, err := os.ReadFile("grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		UID, Title string
		Panels     []struct {
			ID          int
			Type, Title string
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct{ RefID, Expr string }
		}
	}
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	names := metricNames(t)
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, panel := range board.Panels {
		if ids[panel.ID] {
			t.Errorf("two panels have id %d", panel.ID)
		}
		ids[panel.ID] = true
		for x := panel.GridPos.X; x < panel.GridPos.X+panel.GridPos.W; x++ {
			for y := panel.GridPos.Y; y < panel.GridPos.Y+panel.GridPos.H; y++ {
				if other, taken := cells[[2]int{x, y}]; taken || x >= 24 {
					t.Fatalf("panel %q lies over %q, or outside", panel.Title, other)
				}
				cells[[2]int{x, y}] = panel.Title
			}
		}
		if panel.Type == "row" {
			continue
		}
		if len(panel.Targets) == 0 {
			t.Errorf("panel %q shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			checkExpression(t, names, panel.Title, target.Expr)
		}
	}
	if len(ids) < 15 {
		t.Errorf("only %d panels", len(ids))
	}
}
