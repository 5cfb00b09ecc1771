package archtest

import "go/ast"

// exported returns the foreign types that a file's exported declarations name, as written: parameters, results,
// exported fields and methods, variables and constants with a type. It reads names only: an inferred type passes.
func exported(file *ast.File, foreign map[string]bool) []string {
	if file.Name.Name == "main" {
		return nil
	}
	var leaks []string
	look := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := selector.X.(*ast.Ident); ok && foreign[pkg.Name] {
					leaks = append(leaks, pkg.Name+"."+selector.Sel.Name)
				}
			}
			return true
		})
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && receiverExported(d) {
				look(d.Type)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				exportedSpec(spec, look)
			}
		}
	}
	return leaks
}

func exportedSpec(spec ast.Spec, look func(ast.Node)) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if name.IsExported() && s.Type != nil {
				look(s.Type)
				return
			}
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return
		}
		fields, isStruct := s.Type.(*ast.StructType)
		if !isStruct {
			look(s.Type)
			return
		}
		for _, field := range fields.Fields.List {
			if fieldExported(field) {
				look(field.Type)
			}
		}
	}
}

func fieldExported(field *ast.Field) bool {
	for _, name := range field.Names {
		if name.IsExported() {
			return true
		}
	}
	return len(field.Names) == 0 // embedded
}

// receiverExported: a method of a hidden type can only be reached through an interface, which is looked at by itself.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}
