(type $wide (record {fields}))
(export "wide" (type $wide))
