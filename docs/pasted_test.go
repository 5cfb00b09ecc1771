package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestB132_Pasted puts every TypeScript snippet of the pages into one project, each as it stands, and checks its types
// against the client as it is built: what a reader pastes compiles. A snippet that is a file of examples has that
// file's name, so that another may import it.
func TestB132_Pasted(t *testing.T) {
	if problems := typeCheck(t, pasted(t, append([]string{"../README.md"}, pages...))); problems != "" {
		t.Error(problems)
	}
}

// TestPlantedSnippets holds that TestB132_Pasted notices what a reader would stumble on.
func TestPlantedSnippets(t *testing.T) {
	problems := typeCheck(t, map[string]string{
		"good.tsx":   "import { useBus } from \"tidings/react\";\n\nexport const useIt = () => useBus().publish(\"a\", 1);\n",
		"import.tsx": "export const useIt = () => useBus();\n",
		"type.ts":    "import { createMessageBus } from \"tidings\";\n\ncreateMessageBus({ url: 7 });\n",
	})
	for _, want := range []string{"import.tsx(1,", "type.ts(3,"} {
		if !strings.Contains(problems, want) {
			t.Errorf("no problem at %s: %s", want, problems)
		}
	}
	if strings.Contains(problems, "good.tsx") {
		t.Error(problems)
	}
}

// pasted returns the snippets in TypeScript by the names of their files.
func pasted(t *testing.T, pages []string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, page := range pages {
		for _, s := range snippets(t, page) {
			if s.language != "ts" && s.language != "tsx" {
				continue
			}
			name := fmt.Sprintf("%s-%d.%s", strings.TrimSuffix(filepath.Base(page), ".md"), s.line, s.language)
			if s.kind == "include" {
				name = filepath.Base(s.argument)
			}
			if _, ok := files[name]; ok {
				t.Errorf("%s:%d: two snippets are %s", page, s.line, name)
			}
			files[name] = s.text + "\nexport {};\n"
		}
	}
	if len(files) < 10 {
		t.Errorf("only %d snippets are in TypeScript", len(files))
	}
	return files
}

// typeCheck returns what tsc prints of a project of files, "" if it is content.
func typeCheck(t *testing.T, files map[string]string) string {
	t.Helper()
	if err := os.MkdirAll("../.cache", 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("../.cache", "pasted-") // below node_modules, where the client and React are found
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	files["tsconfig.json"] = `{"compilerOptions": {"target": "ES2022", "module": "ESNext", "moduleResolution": "bundler", "lib": ["ES2022", "DOM", "DOM.Iterable"], "jsx": "react-jsx",
		"strict": true, "noUnusedLocals": true, "noUnusedParameters": true, "verbatimModuleSyntax": true, "erasableSyntaxOnly": true, "noFallthroughCasesInSwitch": true,
		"noEmit": true, "skipLibCheck": true, "types": ["node"]}, "include": ["*.ts", "*.tsx"]}` // as Vite sets them for a new app
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("node", "../node_modules/typescript/bin/tsc", "-p", dir).CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	return string(out)
}
