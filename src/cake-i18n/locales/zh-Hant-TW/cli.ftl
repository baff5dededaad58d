# cake 指令的用詞。
