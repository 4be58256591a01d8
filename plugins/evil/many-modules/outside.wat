{modules}
